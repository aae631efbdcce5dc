select client_id, order_id, pa_date, date_diff('day', lag(pa_date) over (partition by client_id order by pa_date, order_id), pa_date) as days
from (select distinct client_id, order_id, pa_date from fact_orders) as o order by client_id, pa_date, order_id
----
client_id,order_id,pa_date,days
1,1,2026-01-05,
1,4,2026-02-01,27
1,9,2026-03-29,56
2,2,2026-01-17,
2,5,2026-02-03,17
2,7,2026-03-02,27
3,3,2026-01-31,
3,8,2026-03-02,30
4,6,2026-02-14,
