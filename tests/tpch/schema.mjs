// The tables of TPC-H. Dates are moments at midnight (UTC), until there is such a type.

const types = { i: 'int', t: 'text', n: 'decimal', d: 'timestamp' }
const table = (name, key, columns) => ({
  name, tenant: false, key, relations: [],
  columns: columns.split(' ').map((c) => ({ name: c.slice(0, c.indexOf(':')), type: types[c.at(-1)], nullable: false })),
})

export const schema = {
  tables: [
    table('region', ['r_regionkey'], 'r_regionkey:i r_name:t r_comment:t'),
    table('nation', ['n_nationkey'], 'n_nationkey:i n_name:t n_regionkey:i n_comment:t'),
    table('supplier', ['s_suppkey'], 's_suppkey:i s_name:t s_address:t s_nationkey:i s_phone:t s_acctbal:n s_comment:t'),
    table('customer', ['c_custkey'], 'c_custkey:i c_name:t c_address:t c_nationkey:i c_phone:t c_acctbal:n c_mktsegment:t c_comment:t'),
    table('part', ['p_partkey'], 'p_partkey:i p_name:t p_mfgr:t p_brand:t p_type:t p_size:i p_container:t p_retailprice:n p_comment:t'),
    table('partsupp', ['ps_partkey', 'ps_suppkey'], 'ps_partkey:i ps_suppkey:i ps_availqty:i ps_supplycost:n ps_comment:t'),
    table('orders', ['o_orderkey'], 'o_orderkey:i o_custkey:i o_orderstatus:t o_totalprice:n o_orderdate:d o_orderpriority:t o_clerk:t o_shippriority:i o_comment:t'),
    table('lineitem', ['l_orderkey', 'l_linenumber'], 'l_orderkey:i l_partkey:i l_suppkey:i l_linenumber:i l_quantity:n l_extendedprice:n l_discount:n l_tax:n l_returnflag:t l_linestatus:t l_shipdate:d l_commitdate:d l_receiptdate:d l_shipinstruct:t l_shipmode:t l_comment:t'),
  ],
}
