with lines as (
    select status_id, sum(lines) as order_lines, sum(units) as units, sum(sales) as sales
    from line_cube where pa_date between :from and :to group by status_id
), counted as (
    select status_id, sum(orders) as orders from (
        select s.status_id, o.orders from order_cube o join dim_status s on o.mask & (1 << (s.status_id - 1)) <> 0
        where o.pa_date between :from and :to
        union all
        select s.status_id, count(distinct o.order_id)
        from spanning o join dim_status s on o.mask & (1 << (s.status_id - 1)) <> 0
        where o.pa_date between :from and :to group by s.status_id
    ) group by status_id
)
select s.status, o.orders, l.order_lines, l.units, l.sales
from lines l join counted o using (status_id) join dim_status s using (status_id)
order by s.status_id
limit :limit
