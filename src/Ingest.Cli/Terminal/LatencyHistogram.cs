namespace Ingest.Cli.Terminal;

/// <summary>Latencies in buckets that grow by 5 %, from 0.1 ms to minutes: percentiles are exact to that. Safe for many threads.</summary>
internal sealed class LatencyHistogram
{
    private const double Smallest = 0.1;
    private const double Growth = 1.05;
    private static readonly double LogGrowth = Math.Log(Growth);

    private readonly long[] _buckets = new long[320];

    public void Add(TimeSpan latency, int count = 1)
    {
        var milliseconds = latency.TotalMilliseconds;
        var bucket = milliseconds <= Smallest ? 0 : (int)Math.Ceiling(Math.Log(milliseconds / Smallest) / LogGrowth);
        Interlocked.Add(ref _buckets[Math.Min(bucket, _buckets.Length - 1)], count);
    }

    /// <summary>The latency in milliseconds that this fraction of all stays under; null while there is none.</summary>
    public double? Percentile(double fraction)
    {
        var counts = new long[_buckets.Length];
        long total = 0;
        for (var i = 0; i < counts.Length; i++)
        {
            total += counts[i] = Interlocked.Read(ref _buckets[i]);
        }

        if (total == 0)
        {
            return null;
        }

        var rank = (long)Math.Ceiling(fraction * total);
        long seen = 0;
        for (var i = 0; i < counts.Length; i++)
        {
            seen += counts[i];
            if (seen >= rank)
            {
                return Smallest * Math.Pow(Growth, i);
            }
        }

        return Smallest * Math.Pow(Growth, counts.Length - 1);
    }
}
