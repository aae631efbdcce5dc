with orders as (select order_id, sum(total_price) as total from fact_orders group by order_id)
select count(*) as orders, min(total) as least, max(total) as most, avg(total) as average,
  approx_percentile(cast(total as double), 0.5) as median from orders
----
orders,least,most,average,median
9,10.0000,45.0000,20.6611,20.0
