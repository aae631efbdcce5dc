select c.client_name from dim_clients c left join fact_orders f on f.client_id = c.client_id and f.status_id = 2
where f.order_id is null order by c.client_name
----
client_name
Krusty Burger
