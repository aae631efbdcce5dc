select year_of_week(pa_date) as year, week(pa_date) as week, date_trunc('week', pa_date) as monday, sum(product_ccf) as cases
from fact_orders group by 1, 2, 3 order by 1, 2
----
year,week,monday,cases
2026,2,2026-01-05,18
2026,3,2026-01-12,4
2026,5,2026-01-26,10
2026,6,2026-02-02,10
2026,7,2026-02-09,3
2026,10,2026-03-02,24
2026,13,2026-03-23,4
