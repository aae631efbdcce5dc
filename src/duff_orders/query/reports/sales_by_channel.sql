-- What does each channel sell, and how large is its average order? Broken order lines do not count.
select
    c.point_of_sale_channel,
    count(distinct f.order_id) as orders,
    sum(f.product_ccf) as units,
    sum(f.total_price) as sales,
    sum(f.total_price) / count(distinct f.order_id) as average_order
from fact_orders f
join dim_channels c on c.channel_id = f.channel_id
join dim_status s on s.status_id = f.status_id
where s.status <> 'broken'
group by c.channel_id, c.point_of_sale_channel
order by sales desc, c.point_of_sale_channel
