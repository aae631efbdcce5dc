with days as (select pa_date as day, sum(total_price) as sales from fact_orders group by pa_date)
select day, sales, sum(sales) over (order by day range between interval '14' day preceding and current row) as two_weeks
from days order by day
----
day,sales,two_weeks
2026-01-05,39.0000,39.0000
2026-01-17,10.0000,49.0000
2026-01-31,10.5000,20.5000
2026-02-01,20.0000,30.5000
2026-02-03,20.0000,50.5000
2026-02-14,10.2500,60.7500
2026-03-02,55.2000,55.2000
2026-03-29,21.0000,21.0000
