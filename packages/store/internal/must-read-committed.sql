-- A verb looks again under its locks, in later statements; in a transaction with one snapshot it would see the state from
-- before the wait, and a worker that opened such a one before a revoke would not meet it.
create or replace function internal.must_read_committed() returns boolean
language plpgsql stable as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'verbs run in read committed transactions' using errcode = '25001';
  end if;
  return true;
end $$;
