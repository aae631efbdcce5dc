with firsts as (select client_id, min(date_trunc('month', pa_date)) as cohort from fact_orders group by client_id),
active as (select distinct client_id, date_trunc('month', pa_date) as month from fact_orders),
sizes as (select cohort, count(*) as clients from firsts group by cohort)
select f.cohort, date_diff('month', f.cohort, a.month) as months_later, count(*) as active,
  cast(count(*) as double) / max(s.clients) as share
from firsts f join active a on a.client_id = f.client_id join sizes s on s.cohort = f.cohort
group by f.cohort, date_diff('month', f.cohort, a.month) order by 1, 2
----
cohort,months_later,active,share
2026-01-01,0,3,1.0
2026-01-01,1,2,0.6666666666666666
2026-01-01,2,3,1.0
2026-02-01,0,1,1.0
