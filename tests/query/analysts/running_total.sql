select pa_date, sum(total_price) as sales, sum(sum(total_price)) over (order by pa_date) as so_far
from fact_orders group by pa_date order by pa_date
----
pa_date,sales,so_far
2026-01-05,39.0000,39.0000
2026-01-17,10.0000,49.0000
2026-01-31,10.5000,59.5000
2026-02-01,20.0000,79.5000
2026-02-03,20.0000,99.5000
2026-02-14,10.2500,109.7500
2026-03-02,55.2000,164.9500
2026-03-29,21.0000,185.9500
