using System.Runtime.InteropServices;
using Ingest.Events;

namespace Ingest.Cli.Simulation;

/// <summary>What was sent, and so where every reading must be found: the other half of the counts.</summary>
internal sealed class SentLedger
{
    // Enough to name lost readings; a run without end must not grow without end.
    private const int MostStamps = 1_000_000;

    private readonly Lock _lock = new();
    private readonly long[] _faults = new long[Enum.GetValues<Fault>().Length];
    private readonly Dictionary<string, long> _rowsByDevice = [];
    private readonly Dictionary<string, List<DateTime>> _stampsByDevice = [];
    private long _messages;
    private long _resent;
    private ReadingCounts _expected;

    public long Messages
    {
        get
        {
            lock (_lock)
            {
                return _messages;
            }
        }
    }

    /// <summary>Messages sent more than once as an answer was lost: the hub may hold each of them twice.</summary>
    public long Resent
    {
        get
        {
            lock (_lock)
            {
                return _resent;
            }
        }
    }

    /// <summary>The counts that the messages sent so far must end in.</summary>
    public ReadingCounts Expected
    {
        get
        {
            lock (_lock)
            {
                return _expected;
            }
        }
    }

    public void Add(IReadOnlyList<SimulatedMessage> sent, int resent = 0)
    {
        lock (_lock)
        {
            _resent += resent;
            foreach (var message in sent)
            {
                var expected = FaultPlan.Expected(message.Fault);
                _messages++;
                _expected += expected;
                _rowsByDevice[message.Device] = _rowsByDevice.GetValueOrDefault(message.Device) + expected.Stored;
                if (expected.Stored > 0 && _messages <= MostStamps)
                {
                    (CollectionsMarshal.GetValueRefOrAddDefault(_stampsByDevice, message.Device, out _) ??= []).Add(message.Stamp);
                }

                if (message.Fault is { } fault)
                {
                    _faults[(int)fault]++;
                }
            }
        }
    }

    /// <summary>How many messages had each fault.</summary>
    public IReadOnlyDictionary<Fault, long> Faults()
    {
        lock (_lock)
        {
            return Enum.GetValues<Fault>().ToDictionary(fault => fault, fault => _faults[(int)fault]);
        }
    }

    /// <summary>How many rows each device must have.</summary>
    public IReadOnlyDictionary<string, long> RowsByDevice()
    {
        lock (_lock)
        {
            return new Dictionary<string, long>(_rowsByDevice);
        }
    }

    /// <summary>The stamps that each device must have rows at, oldest first; of the first million messages.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<DateTime>> StampsByDevice()
    {
        lock (_lock)
        {
            return _stampsByDevice.ToDictionary(pair => pair.Key, pair => (IReadOnlyList<DateTime>)[.. pair.Value.Order()]);
        }
    }
}
