with targets (channel, target) as (values ('Retail', 100.00), ('B2B', 50.00), ('Kiosk', 10.00))
select coalesce(t.channel, c.point_of_sale_channel) as channel, t.target, coalesce(sum(f.total_price), 0) as sales,
  sum(f.total_price) >= t.target as reached
from targets t full join dim_channels c on c.point_of_sale_channel = t.channel left join fact_orders f on f.channel_id = c.channel_id
group by 1, 2 order by 1
----
channel,target,sales,reached
B2B,50.00,50.7000,true
Kiosk,10.00,0.0000,
Online,,45.0000,
Retail,100.00,90.2500,false
