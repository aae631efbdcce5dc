select product_description, sales, so_far, case when so_far - sales < 0.5 * total then 'A' when so_far - sales < 0.8 * total then 'B' else 'C' end as class from (
  select p.product_description, sum(f.total_price) as sales, sum(sum(f.total_price)) over (order by sum(f.total_price) desc rows unbounded preceding) as so_far,
    sum(sum(f.total_price)) over () as total
  from fact_orders f join dim_products p on p.product_id = f.product_id group by p.product_description) as s order by sales desc
----
product_description,sales,so_far,class
Duff Lite,89.0000,89.0000,A
Duff,60.2000,149.2000,A
Duff Añejo,36.7500,185.9500,C
