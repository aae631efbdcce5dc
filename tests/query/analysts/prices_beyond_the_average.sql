select order_id, product_id, product_price from fact_orders f
where product_price > (select avg(product_price) from fact_orders) order by 1, 2
----
order_id,product_id,product_price
3,103,5.2500
6,103,5.2500
9,103,5.2500
