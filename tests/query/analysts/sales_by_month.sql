select date_trunc('month', pa_date) as month, count(distinct order_id) as orders, sum(total_price) as sales,
  sum(total_price) / count(distinct order_id) as average_order
from fact_orders group by 1 order by 1
----
month,orders,sales,average_order
2026-01-01,3,59.5000,19.8333
2026-02-01,3,50.2500,16.7500
2026-03-01,3,76.2000,25.4000
