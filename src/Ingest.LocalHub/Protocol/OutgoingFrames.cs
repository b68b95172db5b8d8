using System.Net.Sockets;
using System.Threading.Channels;

namespace Ingest.LocalHub.Protocol;

/// <summary>
/// What a connection is to send: frames go into <see cref="Pending"/> under the connection's lock, and a loop sends them, two buffers by turns.
/// </summary>
/// <param name="socket">Where to.</param>
/// <param name="gate">The connection's lock.</param>
/// <param name="prepare">Adds, under the lock, what can go out now besides.</param>
internal sealed class OutgoingFrames(Socket socket, Lock gate, Action<FrameWriter> prepare) : IAsyncDisposable
{
    private readonly Channel<bool> _wakes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private FrameWriter _sending = new();
    private ITimer? _heartbeat;
    private bool _heartbeatDue;
    private bool _closing;

    /// <summary>The frames that go out next. Under the lock only.</summary>
    public FrameWriter Pending { get; private set; } = new();

    /// <summary>Has the loop look again: events, room, credit or frames have come. From any thread.</summary>
    public void Wake() => _wakes.Writer.TryWrite(true);

    /// <summary>Ends the loop once all that is pending has gone out.</summary>
    public void Close()
    {
        lock (gate)
        {
            _closing = true;
        }

        Wake();
    }

    /// <summary>Sends an empty frame in every period, so that the peer does not take the connection for dead.</summary>
    public void StartHeartbeat(TimeSpan period, TimeProvider clock) => _heartbeat = clock.CreateTimer(
        _ =>
        {
            Volatile.Write(ref _heartbeatDue, true);
            Wake();
        },
        null,
        period,
        period);

    /// <summary>The loop.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            bool closing;
            lock (gate)
            {
                closing = _closing;
                if (!closing)
                {
                    Prepare();
                }

                (_sending, Pending) = (Pending, _sending);
            }

            if (_sending.Length > 0)
            {
                await _sending.FlushAsync(socket, cancellationToken);
            }
            else if (closing)
            {
                return;
            }
            else
            {
                await _wakes.Reader.ReadAsync(cancellationToken);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_heartbeat is not null)
        {
            await _heartbeat.DisposeAsync();
        }
    }

    private void Prepare()
    {
        if (_heartbeatDue)
        {
            Volatile.Write(ref _heartbeatDue, false);
            Pending.EmptyFrame();
        }

        prepare(Pending);
    }
}
