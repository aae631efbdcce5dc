select line, product_price, try_cast(product_price as decimal(12,4)) as as_number, try_cast(replace(product_price, ',', '.') as decimal(12,4)) as mended,
  try_cast(order_id as bigint) as as_order
from tbl_duff_rejected_rows order by line
----
line,product_price,as_number,mended,as_order
2,"1,99",,1.9900,10
3,-1.00,-1.0000,-1.0000,12
5,,,,
9,2.00,2.0000,2.0000,
