select client_id, json_format(cast(array_agg(distinct cast(product_id as varchar) order by cast(product_id as varchar)) as json)) as products,
  concat_ws(' ', 'since', cast(min(pa_date) as varchar), null) as since
from fact_orders group by client_id order by client_id
----
client_id,products,since
1,"[""101"",""102"",""103""]",since 2026-01-05
2,"[""101"",""102""]",since 2026-01-17
3,"[""102"",""103""]",since 2026-01-31
4,"[""101"",""103""]",since 2026-02-14
