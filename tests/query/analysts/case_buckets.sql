select case when product_ccf < 5 then 'small' when product_ccf < 10 then 'medium' else 'large' end as size, count(*) as lines,
  sum(total_price) as sales, avg(product_price) as price
from fact_orders group by 1 order by 2 desc, 1
----
size,lines,sales,price
small,6,61.9500,3.8833
large,3,89.0000,2.0833
medium,2,35.0000,2.5000
