select p.product_description, sum(f.product_ccf) as cases
from fact_orders f join dim_products p using (product_id)
group by p.product_description order by cases desc fetch first 2 rows with ties
----
product_description,cases
Duff Lite,42
Duff,24
