select c.client_name, x.order_id, x.total from dim_clients c
cross join lateral (select max_by(order_id, total) as order_id, max(total) as total
  from (select order_id, client_id, sum(total_price) as total from fact_orders group by order_id, client_id) as o where o.client_id = c.client_id) as x
order by x.total desc
----
client_name,order_id,total
Krusty Burger,8,45.0000
Moe's Tavern,1,39.0000
Kwik-E-Mart,5,20.0000
Lard Lad,6,10.2500
