using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Azure.Core;
using Azure.Messaging.EventHubs;

namespace Ingest.Sources.EventHubs;

/// <summary>An event hub as an address and what opens it.</summary>
internal sealed class HubEndpoint
{
    private readonly HubSettings _settings;
    private readonly HubConnectionString? _connection;
    private readonly TokenCredential? _credential;
    private readonly X509Certificate2Collection? _trustedRoots;

    private HubEndpoint(HubSettings settings, HubConnectionString? connection, TokenCredential? credential, X509Certificate2Collection? trustedRoots)
    {
        _settings = settings;
        _connection = connection;
        _credential = credential;
        _trustedRoots = trustedRoots;
        Host = connection?.Host ?? settings.FullyQualifiedNamespace!.Trim().ToLowerInvariant();
        Name = (Given(settings.Name) ?? connection?.EntityPath)!;
    }

    /// <summary>The namespace's host name.</summary>
    public string Host { get; }

    /// <summary>The event hub's name.</summary>
    public string Name { get; }

    /// <summary>Where it is, for messages: <c>host/name</c>. Without the port, which is no part of a hub's identity.</summary>
    public string Address => $"{Host}/{Name}";

    /// <summary>What it is called in events, checkpoints and dead letters.</summary>
    public string Identity => Given(_settings.Identity) ?? Address;

    /// <summary>How it is reached.</summary>
    public HubTransport Transport => _settings.Transport ?? _connection?.Transport ?? HubTransport.Amqp;

    /// <summary>Whether the connection is encrypted.</summary>
    public bool UseTls => _connection?.UseTls ?? true;

    /// <summary>The port it listens on, where that is not the default.</summary>
    public int? Port => _connection?.Port;

    /// <summary>Whether it is opened by an Entra identity, not by a key.</summary>
    public bool HasIdentity => _connection is null;

    /// <exception cref="FormatException">The settings do not name a hub; the message says what is missing.</exception>
    public static HubEndpoint From(HubSettings settings, TokenCredential? credential = null, X509Certificate2Collection? trustedRoots = null)
    {
        if (Problem(settings) is { } problem)
        {
            throw new FormatException(problem);
        }

        return new HubEndpoint(
            settings,
            settings.ConnectionString.Length > 0 ? HubConnectionString.Parse(settings.ConnectionString) : null,
            credential,
            trustedRoots);
    }

    /// <summary>What keeps the settings from naming a hub, as a sentence; null where nothing does.</summary>
    public static string? Problem(HubSettings settings)
    {
        if (settings.ConnectionString.Length == 0)
        {
            return (Given(settings.FullyQualifiedNamespace), Given(settings.Name)) switch
            {
                (null, _) => "Hub:ConnectionString is missing: the Event Hub-compatible endpoint from the IoT hub's page 'Built-in endpoints'. (An event hub is also read with Hub:FullyQualifiedNamespace, Hub:Name and an Entra identity.)",
                (_, null) => "Nothing names the event hub: set Hub:Name beside Hub:FullyQualifiedNamespace.",
                ({ } host, _) when Uri.CheckHostName(host) == UriHostNameType.Unknown => "Hub:FullyQualifiedNamespace is no host name. It must look like <namespace>.servicebus.windows.net.",
                _ => null,
            };
        }

        if (Given(settings.FullyQualifiedNamespace) is not null)
        {
            return "Hub:ConnectionString and Hub:FullyQualifiedNamespace both name a hub. Set one of them.";
        }

        try
        {
            var connection = HubConnectionString.Parse(settings.ConnectionString);
            return Given(settings.Name) is null && connection.EntityPath is null
                ? "Nothing names the event hub: add EntityPath=… to the hub's connection string, or set Hub:Name."
                : null;
        }
        catch (FormatException exception)
        {
            return exception.Message;
        }
    }

    /// <summary>A connection of its own; nothing is sent before it is used.</summary>
    public EventHubConnection Connect() => _connection is { } connection
        ? new EventHubConnection(connection.ForClient(), Name, Options())
        : new EventHubConnection(
            Host,
            Name,
            Identified(),
            Options());

    /// <summary>How the client library tries again: seldom, as what is above it does, and tells how the hub stands meanwhile.</summary>
    public EventHubsRetryOptions Retry(int maximumRetries) => new()
    {
        MaximumRetries = maximumRetries,
        Delay = TimeSpan.FromMilliseconds(250),
        MaximumDelay = TimeSpan.FromSeconds(_settings.MaxRetryDelaySeconds),
        TryTimeout = TimeSpan.FromSeconds(_settings.OperationTimeoutSeconds),
    };

    /// <summary>What opens links that are opened beside the client library.</summary>
    public HubToken Token(TimeProvider time) => _connection is { } connection
        ? new HubToken(EventHubsConnectionStringProperties.Parse(connection.ForClient()), time)
        : new HubToken(Identified(), time);

    /// <summary>Transport, proxy and trust, as the settings say.</summary>
    public EventHubConnectionOptions Options()
    {
        var options = new EventHubConnectionOptions
        {
            TransportType = Transport == HubTransport.AmqpWebSockets ? EventHubsTransportType.AmqpWebSockets : EventHubsTransportType.AmqpTcp,
            ConnectionIdleTimeout = TimeSpan.FromSeconds(_settings.IdleTimeoutSeconds),
        };
        if (Given(_settings.Proxy) is { } proxy)
        {
            options.Proxy = new WebProxy(proxy);
        }

        if (_connection is { UseTls: true, Port: { } port })
        {
            options.CustomEndpointAddress = new UriBuilder("sb", Host, port).Uri;
        }

        if (_trustedRoots is { } roots)
        {
            options.CertificateValidationCallback = (_, certificate, _, errors) => IsTrusted(certificate, errors, roots);
        }

        return options;
    }

    private TokenCredential Identified() =>
        _credential ?? throw new InvalidOperationException("Hub:FullyQualifiedNamespace needs an identity, and none was given.");

    private static string? Given(string? setting) => string.IsNullOrWhiteSpace(setting) ? null : setting.Trim();

    private static bool IsTrusted(X509Certificate? certificate, SslPolicyErrors errors, X509Certificate2Collection roots)
    {
        if (errors == SslPolicyErrors.None)
        {
            return true;
        }

        if (errors != SslPolicyErrors.RemoteCertificateChainErrors || certificate is not X509Certificate2 presented)
        {
            return false;
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(presented);
    }
}
