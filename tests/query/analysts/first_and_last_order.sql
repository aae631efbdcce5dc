select c.client_name, min(f.pa_date) as first_day, max(f.pa_date) as last_day, max(f.pa_date) - min(f.pa_date) as between_them,
  date_diff('day', min(f.pa_date), max(f.pa_date)) as days
from dim_clients c join fact_orders f on f.client_id = c.client_id group by c.client_name order by days desc, 1
----
client_name,first_day,last_day,between_them,days
Moe's Tavern,2026-01-05,2026-03-29,83 00:00:00.000,83
Kwik-E-Mart,2026-01-17,2026-03-02,44 00:00:00.000,44
Krusty Burger,2026-01-31,2026-03-02,30 00:00:00.000,30
Lard Lad,2026-02-14,2026-02-14,0 00:00:00.000,0
