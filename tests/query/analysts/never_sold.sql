select product_description from dim_products p
where not exists (select 1 from fact_orders f where f.product_id = p.product_id) order by 1
----
product_description
Duff Dry
