select product_id, pa_date, product_price, previous from (
  select product_id, pa_date, product_price, lag(product_price) over (partition by product_id order by pa_date, order_id) as previous
  from fact_orders) as p where previous <> product_price order by product_id, pa_date
----
product_id,pa_date,product_price,previous
101,2026-03-02,2.5500,2.5000
102,2026-03-02,2.2500,2.0000
