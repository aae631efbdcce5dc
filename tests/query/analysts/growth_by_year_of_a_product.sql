select product_id, sum(case when month(pa_date) = 1 then product_ccf else 0 end) as january, sum(if(month(pa_date) = 2, product_ccf, 0)) as february,
  sum(product_ccf) filter (where extract(month from pa_date) = 3) as march
from fact_orders group by grouping sets ((product_id), ()) order by product_id nulls first
----
product_id,january,february,march
,24,21,28
101,10,10,4
102,12,10,20
103,2,1,4
