select split_part(source_file, '/', 1) as partner, reason, count(*) as records
from tbl_duff_rejected_rows cross join unnest(split(reasons, ';')) as t (reason)
group by 1, 2 order by 3 desc, 1, 2
----
partner,reason,records
b2b,product_price:out_of_range,1
kiosk,order_id:missing,1
kiosk,order_id:not_a_number,1
kiosk,product_price:missing,1
kiosk,product_price:not_a_number,1
