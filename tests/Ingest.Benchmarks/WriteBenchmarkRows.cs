using System.Globalization;
using System.Text;
using Ingest.Events;

namespace Ingest.Benchmarks;

/// <summary>Some of the rows, delivered together by one partition.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Start">The first row.</param>
/// <param name="Count">How many.</param>
/// <param name="Events">The same readings as messages.</param>
internal sealed record Delivery(int Partition, int Start, int Count, ArraySegment<RawEvent> Events);

/// <summary>
/// The readings of a benchmark in the order they arrive, twice: as typed values for the ways that write values, and as messages for the
/// pipeline, which has to decode them. 100 readings a millisecond from 1,000 devices, no two of a device in one millisecond.
/// </summary>
internal sealed class WriteBenchmarkRows
{
    private const int ReadingsPerMillisecond = 100;
    private const int BodyLength = 120;
    private const int DevicesPerPartition = 31;
    private const int AllDevices = 1_000;

    private WriteBenchmarkRows(int count)
    {
        Count = count;
        Times = new DateTime[count];
        Devices = new string[count];
        Temperatures = new double[count];
        Humidities = new double[count];
    }

    public int Count { get; }

    public DateTime[] Times { get; }

    public string[] Devices { get; }

    public double[] Temperatures { get; }

    public double[] Humidities { get; }

    public IReadOnlyList<Delivery> Deliveries { get; private set; } = [];

    /// <summary>In the order of their stamps, a flush a delivery; the partitions take turns.</summary>
    public static WriteBenchmarkRows InOrder(int count, int flush, int partitions)
    {
        var rows = new WriteBenchmarkRows(count / flush * flush);
        var start = Midnight();
        for (var row = 0; row < rows.Count; row++)
        {
            rows.Set(row, start.AddMilliseconds(row / ReadingsPerMillisecond), (int)(row * 7_919L % AllDevices));
        }

        rows.Deliver(flush, delivery => delivery % partitions);
        return rows;
    }

    /// <summary>Small deliveries from many partitions in turn, each with devices of its own; the last partition lags by <paramref name="skew"/>.</summary>
    public static WriteBenchmarkRows Interleaved(int count, int batch, int partitions, TimeSpan skew)
    {
        var rows = new WriteBenchmarkRows(count / (batch * partitions) * (batch * partitions));
        var start = Midnight() + skew;
        for (var row = 0; row < rows.Count; row++)
        {
            var partition = row / batch % partitions;
            var number = (row / (batch * partitions) * batch) + (row % batch);
            var lag = skew * partition / (partitions - 1);
            rows.Set(row, start.AddMilliseconds(number * partitions / ReadingsPerMillisecond) - lag, partition + (number % DevicesPerPartition * partitions));
        }

        rows.Deliver(batch, delivery => delivery % partitions);
        return rows;
    }

    /// <summary>Some of the rows, as values only.</summary>
    public WriteBenchmarkRows Only(int[] which)
    {
        var rows = new WriteBenchmarkRows(which.Length);
        for (var row = 0; row < which.Length; row++)
        {
            rows.Times[row] = Times[which[row]];
            rows.Devices[row] = Devices[which[row]];
            rows.Temperatures[row] = Temperatures[which[row]];
            rows.Humidities[row] = Humidities[which[row]];
        }

        return rows;
    }

    private static DateTime Midnight() => DateTime.SpecifyKind(TimeProvider.System.GetUtcNow().UtcDateTime.Date, DateTimeKind.Utc);

    private void Set(int row, DateTime time, int device)
    {
        Times[row] = new DateTime(time.Ticks - (time.Ticks % TimeSpan.TicksPerMillisecond), DateTimeKind.Utc);
        Devices[row] = string.Intern(string.Create(CultureInfo.InvariantCulture, $"device-{device:d4}"));
        Temperatures[row] = (15_000 + (row * 31 % 10_000)) / 1_000.0;
        Humidities[row] = (4_000 + (row * 17 % 2_000)) / 100.0;
    }

    private void Deliver(int size, Func<int, int> partitionOf)
    {
        var bodies = new byte[(long)Count * BodyLength];
        var events = new RawEvent[Count];
        for (var row = 0; row < Count; row++)
        {
            var body = string.Create(
                CultureInfo.InvariantCulture,
                $$"""{"device":"{{Devices[row]}}","temperature":{{Temperatures[row]}},"humidity":{{Humidities[row]}},"battery":3.71,"status":" """).TrimEnd();
            Encoding.UTF8.GetBytes((body + new string('k', BodyLength - body.Length - 2) + "\"}").AsSpan(), bodies.AsSpan(row * BodyLength, BodyLength));
            events[row] = new RawEvent
            {
                Hub = "benchmark/hub",
                Partition = partitionOf(row / size).ToString(CultureInfo.InvariantCulture),
                SequenceNumber = row,
                RowTime = Times[row],
                EnqueuedTime = Times[row],
                DeviceId = Devices[row],
                MessageSource = "Telemetry",
                ContentType = "application/json",
                ContentEncoding = "utf-8",
                Body = bodies.AsMemory(row * BodyLength, BodyLength),
            };
        }

        Deliveries = [.. Enumerable.Range(0, Count / size)
            .Select(delivery => new Delivery(partitionOf(delivery), delivery * size, size, new ArraySegment<RawEvent>(events, delivery * size, size)))];
    }
}
