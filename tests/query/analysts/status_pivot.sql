select date_trunc('month', pa_date) as month,
  count_if(s.status = 'created') as created, count_if(s.status = 'delivered') as delivered, count_if(s.status = 'broken') as broken,
  sum(total_price) filter (where s.status = 'delivered') as delivered_sales
from fact_orders f join dim_status s on s.status_id = f.status_id group by 1 order by 1
----
month,created,delivered,broken,delivered_sales
2026-01-01,0,3,1,49.0000
2026-02-01,1,3,0,30.2500
2026-03-01,1,2,0,31.2000
