select month, client_name, sales from (
  select date_trunc('month', f.pa_date) as month, c.client_name, sum(f.total_price) as sales,
    row_number() over (partition by date_trunc('month', f.pa_date) order by sum(f.total_price) desc, c.client_name) as place
  from fact_orders f join dim_clients c on c.client_id = f.client_id group by 1, 2) as ranked
where place = 1 order by month
----
month,client_name,sales
2026-01-01,Moe's Tavern,39.0000
2026-02-01,Kwik-E-Mart,20.0000
2026-03-01,Krusty Burger,45.0000
