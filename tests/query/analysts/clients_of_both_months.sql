select client_id from fact_orders where pa_date between date '2026-01-01' and last_day_of_month(date '2026-01-01')
intersect select client_id from fact_orders where pa_date >= date '2026-02-01' and pa_date < date '2026-03-01' + interval '1' month
order by client_id
----
client_id
1
2
3
