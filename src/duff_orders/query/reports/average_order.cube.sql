with lines as (
    select sum(lines) as order_lines, sum(units) as units, sum(sales) as sales
    from line_cube where status_id in {sold_ids} and pa_date between :from and :to
), counted as (
    select
        (select coalesce(sum(orders), 0) from order_cube where mask & {sold_mask} <> 0 and pa_date between :from and :to)
        + (
            select count(distinct order_id) from spanning where mask & {sold_mask} <> 0 and pa_date between :from and :to
        ) as orders
)
select
    orders,
    cast(sales / orders as decimal(38,4)) as average_order,
    cast(order_lines / orders as decimal(38,4)) as lines_per_order,
    cast(units / orders as decimal(38,4)) as units_per_order
from lines, counted
where orders > 0
limit :limit
