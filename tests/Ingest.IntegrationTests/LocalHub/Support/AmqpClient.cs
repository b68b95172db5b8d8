using Amqp;
using Amqp.Framing;
using Amqp.Types;
using Ingest.LocalHub;
using Xunit;

namespace Ingest.IntegrationTests.LocalHub.Support;

/// <summary>
/// A bare AMQP client of a hub, which does what the official clients cannot: set annotations, choose settlement, hold credit back.
/// </summary>
internal sealed class AmqpClient : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Connection _connection;
    private int _links;

    private AmqpClient(Connection connection) => _connection = connection;

    public static async Task<AmqpClient> ConnectAsync(LocalEventHub hub, int maxFrameSize = 64 * 1024)
    {
        var factory = new ConnectionFactory();
        factory.AMQP.MaxFrameSize = maxFrameSize;
        factory.SASL.Profile = Amqp.Sasl.SaslProfile.Anonymous;
        return new AmqpClient(await factory.CreateAsync(new Address($"amqp://127.0.0.1:{hub.Port}")));
    }

    public Task<SenderLink> OpenSenderAsync(string address)
    {
        var attached = new TaskCompletionSource<Attach>(TaskCreationOptions.RunContinuationsAsynchronously);
        var link = new SenderLink(
            new Session(_connection),
            NextName(),
            new Target { Address = address },
            (_, attach) => attached.TrySetResult(attach));
        return OpenedAsync(link, attached, attach => attach.Target is not null);
    }

    public Task<ReceiverLink> OpenReaderAsync(
        string partition,
        string? selector = "amqp.annotation.x-opt-offset > '-1'",
        string group = "$Default",
        long? epoch = null,
        bool settled = true,
        string hub = "telemetry")
    {
        var attach = new Attach
        {
            Source = new Source { Address = $"{hub}/ConsumerGroups/{group}/Partitions/{partition}", FilterSet = FilterOf(selector) },
            Target = new Target(),
            SndSettleMode = settled ? SenderSettleMode.Settled : SenderSettleMode.Unsettled,
        };
        if (epoch is not null)
        {
            attach.Properties = new Fields { [new Symbol("com.microsoft:epoch")] = epoch };
        }

        var attached = new TaskCompletionSource<Attach>(TaskCreationOptions.RunContinuationsAsynchronously);
        var link = new ReceiverLink(new Session(_connection), NextName(), attach, (_, answer) => attached.TrySetResult(answer));
        return OpenedAsync(link, attached, answer => answer.Source is not null);
    }

    /// <summary>Reads a partition from its first event on, until it has so many.</summary>
    public async Task<List<Message>> ReadAsync(
        string partition, int count, string? selector = "amqp.annotation.x-opt-offset > '-1'", string group = "$Default")
    {
        var reader = await OpenReaderAsync(partition, selector, group);
        var messages = await TakeAsync(reader, count);
        await reader.CloseAsync();
        return messages;
    }

    public static async Task<List<Message>> TakeAsync(ReceiverLink reader, int count)
    {
        reader.SetCredit(Math.Max(count, 1), autoRestore: false);
        var messages = new List<Message>();
        while (messages.Count < count)
        {
            messages.Add(
                await reader.ReceiveAsync(Patience) ?? throw new TimeoutException($"Only {messages.Count} of {count} events came."));
        }

        return messages;
    }

    /// <summary>Puts a token and returns the status the hub answered with.</summary>
    public async Task<int> PutTokenAsync(string token)
    {
        var session = new Session(_connection);
        var requests = new SenderLink(session, NextName(), "$cbs");
        var answers = new ReceiverLink(
            session,
            NextName(),
            new Attach { Source = new Source { Address = "$cbs" }, Target = new Target { Address = "answers" } },
            null);
        answers.SetCredit(1);
        await requests.SendAsync(new Message(token)
        {
            Properties = new Properties { MessageId = "1", ReplyTo = "answers" },
            ApplicationProperties = new ApplicationProperties
            {
                ["operation"] = "put-token",
                ["type"] = "servicebus.windows.net:sastoken",
                ["name"] = "sb://localhost/telemetry",
            },
        });
        var answer = await answers.ReceiveAsync(Patience);
        Assert.Equal("1", answer.Properties.GetCorrelationId());
        await session.CloseAsync();
        return (int)answer.ApplicationProperties["status-code"];
    }

    public async ValueTask DisposeAsync()
    {
        if (_connection.IsClosed)
        {
            return;
        }

        try
        {
            await _connection.CloseAsync();
        }
        catch (AmqpException) when (_connection.IsClosed)
        {
            // A test had cut it, and it was only now found out.
        }
    }

    private static Map? FilterOf(string? selector) => selector is null
        ? null
        : new Map { [new Symbol("apache.org:selector-filter:string")] = new DescribedValue(77567109365764ul, selector) };

    private static async Task<TLink> OpenedAsync<TLink>(TLink link, TaskCompletionSource<Attach> attached, Func<Attach, bool> isAccepted)
        where TLink : Link
    {
        var closed = new TaskCompletionSource<Error?>(TaskCreationOptions.RunContinuationsAsynchronously);
        link.AddClosedCallback((_, error) => closed.TrySetResult(error));
        var answered = attached.Task.WaitAsync(Patience);
        if (await Task.WhenAny(answered, closed.Task) == answered && isAccepted(await answered))
        {
            return link;
        }

        throw new AmqpException(await closed.Task.WaitAsync(Patience) ?? new Error("no-error"));
    }

    private string NextName() => $"link-{Interlocked.Increment(ref _links)}";
}
