with months as (select date_trunc('month', pa_date) as month, sum(total_price) as sales from fact_orders group by 1)
select month, sales, sales - lag(sales) over (order by month) as change,
  round(100 * (sales - lag(sales) over (order by month)) / lag(sales) over (order by month), 1) as percent
from months order by month
----
month,sales,change,percent
2026-01-01,59.5000,,
2026-02-01,50.2500,-9.2500,-15.5000
2026-03-01,76.2000,25.9500,51.6000
