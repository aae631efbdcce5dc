select product_id, max_by(product_price, pa_date) as latest, min_by(product_price, pa_date) as first_one, max(product_price) as highest
from fact_orders group by product_id order by product_id
----
product_id,latest,first_one,highest
101,2.5500,2.5000,2.5500
102,2.2500,2.0000,2.2500
103,5.2500,5.2500,5.2500
