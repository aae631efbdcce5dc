select day_of_week(pa_date) as weekday, date_format(max(pa_date), '%W') as name, count(distinct order_id) as orders
from fact_orders group by 1 order by 1
----
weekday,name,orders
1,Monday,3
2,Tuesday,1
6,Saturday,3
7,Sunday,2
