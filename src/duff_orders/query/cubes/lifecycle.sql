select
    pa_date,
    sum(lines) as order_lines,
    coalesce(sum(lines) filter (status_id = 1), 0) as created,
    coalesce(sum(lines) filter (status_id = 2), 0) as delivered,
    coalesce(sum(lines) filter (status_id = 3), 0) as broken,
    cast(coalesce(sum(lines) filter (status_id = 2), 0) / sum(lines) as decimal(38,4)) as delivered_share
from line_cube
where pa_date between :from and :to
group by pa_date
order by pa_date desc
limit :limit
