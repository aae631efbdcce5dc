select d.day, coalesce(sum(f.total_price), 0) as sales, count(f.order_id) as lines
from unnest(sequence(date '2026-01-30', date '2026-02-04')) as d (day)
left join fact_orders f on f.pa_date = d.day group by d.day order by d.day
----
day,sales,lines
2026-01-30,0.0000,0
2026-01-31,10.5000,1
2026-02-01,20.0000,1
2026-02-02,0.0000,0
2026-02-03,20.0000,1
2026-02-04,0.0000,0
