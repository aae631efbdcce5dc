select a.month, count(*) as clients, count(b.client_id) as came_back
from (select distinct client_id, date_trunc('month', pa_date) as month from fact_orders) as a
left join (select distinct client_id, date_trunc('month', pa_date) as month from fact_orders) as b
  on b.client_id = a.client_id and b.month = a.month + interval '1' month
group by a.month order by a.month
----
month,clients,came_back
2026-01-01,3,2
2026-02-01,3,2
2026-03-01,3,0
