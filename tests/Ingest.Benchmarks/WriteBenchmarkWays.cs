using System.Globalization;
using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace Ingest.Benchmarks;

/// <summary>One connection of a way other than the pipeline's; writes one delivery after the other, each durable when it returns.</summary>
internal abstract class WriteWayConnection(NpgsqlConnection connection) : IDisposable
{
    /// <summary>By its name in the report.</summary>
    public static WriteWayConnection Open(string way, string connectionString)
    {
        // A JDBC driver prepares by itself what it sees again; the others here do not.
        var batched = way == "singleRowsBatched";
        var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(connectionString)
            {
                Pooling = false,
                MaxAutoPrepare = batched ? 8 : 0,
                AutoPrepareMinUsages = 1,
                CommandTimeout = 0,
            }.ConnectionString);
        connection.Open();
        return way switch
        {
            "copy" or "copyNew" => new Copy(connection),
            "copyNarrow" => new CopyNarrow(connection),
            "unnest" => new Unnest(connection),
            "stagedCopy" => new StagedCopy(connection),
            "multiRowValues" => new MultiRowValues(connection),
            "singleRowsBatched" => new SingleRowsBatched(connection),
            "statementPerEvent" => new StatementPerEvent(connection),
            _ => throw new ArgumentOutOfRangeException(nameof(way), way, "No such way"),
        };
    }

    protected NpgsqlConnection Connection => connection;

    public abstract void Write(WriteBenchmarkRows rows, int start, int count);

    public void Dispose() => connection.Dispose();

    protected void CopyInto(string table, WriteBenchmarkRows rows, int start, int count)
    {
        using var importer = connection.BeginBinaryImport($"COPY {table} (time, device, temperature, humidity) FROM STDIN (FORMAT BINARY)");
        for (var row = start; row < start + count; row++)
        {
            importer.StartRow();
            importer.Write(rows.Times[row], NpgsqlDbType.TimestampTz);
            importer.Write(rows.Devices[row], NpgsqlDbType.Text);
            importer.Write(rows.Temperatures[row], NpgsqlDbType.Double);
            importer.Write(rows.Humidities[row], NpgsqlDbType.Double);
        }

        if (importer.Complete() != (ulong)count)
        {
            throw new InvalidOperationException("COPY did not take every row.");
        }
    }

    protected void Execute(string sql)
    {
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
    }

    private static void AddRow(NpgsqlParameterCollection parameters, WriteBenchmarkRows rows, int row)
    {
        parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = rows.Times[row] });
        parameters.Add(new NpgsqlParameter<string> { TypedValue = rows.Devices[row] });
        parameters.Add(new NpgsqlParameter<double> { TypedValue = rows.Temperatures[row] });
        parameters.Add(new NpgsqlParameter<double> { TypedValue = rows.Humidities[row] });
    }

    /// <summary>Plain COPY: the baseline, which stops at the first duplicate.</summary>
    private sealed class Copy(NpgsqlConnection connection) : WriteWayConnection(connection)
    {
        public override void Write(WriteBenchmarkRows rows, int start, int count) => CopyInto("conditions", rows, start, count);
    }

    /// <summary>Plain COPY into the narrow table: two rows for each.</summary>
    private sealed class CopyNarrow(NpgsqlConnection connection) : WriteWayConnection(connection)
    {
        public override void Write(WriteBenchmarkRows rows, int start, int count)
        {
            using var importer = Connection.BeginBinaryImport("COPY points (time, device, metric, value) FROM STDIN (FORMAT BINARY)");
            for (var row = start; row < start + count; row++)
            {
                Write(importer, rows, row, "temperature", rows.Temperatures[row]);
                Write(importer, rows, row, "humidity", rows.Humidities[row]);
            }

            if (importer.Complete() != (ulong)count * 2)
            {
                throw new InvalidOperationException("COPY did not take every row.");
            }
        }

        private static void Write(NpgsqlBinaryImporter importer, WriteBenchmarkRows rows, int row, string metric, double value)
        {
            importer.StartRow();
            importer.Write(rows.Times[row], NpgsqlDbType.TimestampTz);
            importer.Write(rows.Devices[row], NpgsqlDbType.Text);
            importer.Write(metric, NpgsqlDbType.Text);
            importer.Write(value, NpgsqlDbType.Double);
        }
    }

    /// <summary>One parameterised upsert from arrays.</summary>
    private sealed class Unnest(NpgsqlConnection connection) : WriteWayConnection(connection)
    {
        public override void Write(WriteBenchmarkRows rows, int start, int count)
        {
            using var command = new NpgsqlCommand(
                """
                INSERT INTO conditions (time, device, temperature, humidity)
                SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::double precision[], $4::double precision[])
                ON CONFLICT (time, device) DO NOTHING
                """,
                Connection);
            command.Parameters.Add(new NpgsqlParameter<DateTime[]> { TypedValue = rows.Times.AsSpan(start, count).ToArray() });
            command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = rows.Devices.AsSpan(start, count).ToArray() });
            command.Parameters.Add(new NpgsqlParameter<double[]> { TypedValue = rows.Temperatures.AsSpan(start, count).ToArray() });
            command.Parameters.Add(new NpgsqlParameter<double[]> { TypedValue = rows.Humidities.AsSpan(start, count).ToArray() });
            command.ExecuteNonQuery();
        }
    }

    /// <summary>COPY to a temporary table and an upsert from there.</summary>
    private sealed class StagedCopy : WriteWayConnection
    {
        public StagedCopy(NpgsqlConnection connection)
            : base(connection) => Execute("CREATE TEMPORARY TABLE staged (LIKE conditions) ON COMMIT DELETE ROWS");

        public override void Write(WriteBenchmarkRows rows, int start, int count)
        {
            using var transaction = Connection.BeginTransaction();
            CopyInto("staged", rows, start, count);
            Execute("INSERT INTO conditions SELECT * FROM staged ON CONFLICT (time, device) DO NOTHING");
            transaction.Commit();
        }
    }

    /// <summary>Upserts of many rows of values, at most 1,000 each.</summary>
    private sealed class MultiRowValues(NpgsqlConnection connection) : WriteWayConnection(connection)
    {
        private const int RowsPerStatement = 1_000;

        public override void Write(WriteBenchmarkRows rows, int start, int count)
        {
            using var batch = new NpgsqlBatch(Connection);
            for (var first = start; first < start + count; first += RowsPerStatement)
            {
                var statement = Math.Min(RowsPerStatement, start + count - first);
                var command = new NpgsqlBatchCommand(Sql(statement));
                for (var row = first; row < first + statement; row++)
                {
                    AddRow(command.Parameters, rows, row);
                }

                batch.BatchCommands.Add(command);
            }

            batch.ExecuteNonQuery();
        }

        private static string Sql(int rows)
        {
            var sql = new StringBuilder("INSERT INTO conditions (time, device, temperature, humidity) VALUES ");
            for (var parameter = 1; parameter < rows * 4; parameter += 4)
            {
                sql.Append(
                    CultureInfo.InvariantCulture,
                    $"{(parameter > 1 ? ", " : "")}(${parameter}, ${parameter + 1}, ${parameter + 2}, ${parameter + 3})");
            }

            return sql.Append(" ON CONFLICT (time, device) DO NOTHING").ToString();
        }
    }

    /// <summary>A prepared upsert a row, sent together in one transaction.</summary>
    private sealed class SingleRowsBatched(NpgsqlConnection connection) : WriteWayConnection(connection)
    {
        public override void Write(WriteBenchmarkRows rows, int start, int count)
        {
            using var batch = new NpgsqlBatch(Connection);
            for (var row = start; row < start + count; row++)
            {
                var command = new NpgsqlBatchCommand(RowSql);
                AddRow(command.Parameters, rows, row);
                batch.BatchCommands.Add(command);
            }

            batch.ExecuteNonQuery();
        }
    }

    /// <summary>A statement and a transaction an event.</summary>
    private sealed class StatementPerEvent(NpgsqlConnection connection) : WriteWayConnection(connection)
    {
        public override void Write(WriteBenchmarkRows rows, int start, int count)
        {
            for (var row = start; row < start + count; row++)
            {
                using var command = new NpgsqlCommand(RowSql, Connection);
                AddRow(command.Parameters, rows, row);
                command.ExecuteNonQuery();
            }
        }
    }

    private const string RowSql =
        "INSERT INTO conditions (time, device, temperature, humidity) VALUES ($1, $2, $3, $4) ON CONFLICT (time, device) DO NOTHING";
}
