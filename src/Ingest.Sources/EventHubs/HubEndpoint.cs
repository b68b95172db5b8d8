namespace Ingest.Sources.EventHubs;

/// <summary>An event hub as an address and what opens it.</summary>
/// <param name="Connection">Where it is and the key.</param>
/// <param name="Name">The event hub's name.</param>
/// <param name="Identity">What it is called in events, checkpoints and dead letters.</param>
internal sealed record HubEndpoint(HubConnectionString Connection, string Name, string Identity)
{
    /// <summary>Where it is, for messages: <c>host/name</c>.</summary>
    public string Address => AddressOf(Connection, Name);

    /// <summary>What tokens are signed for, and what <c>$cbs</c> is told they open.</summary>
    public string Audience => $"sb://{Connection.Host}/{Name}";

    /// <exception cref="FormatException">The connection string cannot be read, or nothing names the event hub.</exception>
    public static HubEndpoint From(HubSettings settings)
    {
        var connection = HubConnectionString.Parse(settings.ConnectionString);
        var name = string.IsNullOrWhiteSpace(settings.Name) ? connection.EntityPath : settings.Name;
        if (name is null)
        {
            throw new FormatException("Nothing names the event hub: add EntityPath=… to the hub's connection string, or set Hub:Name.");
        }

        return new HubEndpoint(connection, name, string.IsNullOrWhiteSpace(settings.Identity) ? AddressOf(connection, name) : settings.Identity);
    }

    // Without the port: it is no part of a hub's identity.
    private static string AddressOf(HubConnectionString connection, string name) => $"{connection.Host}/{name}";
}
