select c.point_of_sale_channel as channel, sum(f.total_price) as sales,
  round(100.0 * sum(f.total_price) / sum(sum(f.total_price)) over (), 2) as percent
from fact_orders f join dim_channels c on c.channel_id = f.channel_id group by 1 order by 2 desc
----
channel,sales,percent
Retail,90.2500,48.53000
B2B,50.7000,27.27000
Online,45.0000,24.20000
