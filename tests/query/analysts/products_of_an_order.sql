select order_id, listagg(p.product_description, ' + ') within group (order by p.product_description) as products,
  array_agg(f.product_ccf order by f.product_id) as cases
from fact_orders f join dim_products p on p.product_id = f.product_id group by order_id having count(*) > 1 order by order_id
----
order_id,products,cases
1,Duff + Duff Lite,"[6, 12]"
6,Duff + Duff Añejo,"[2, 1]"
