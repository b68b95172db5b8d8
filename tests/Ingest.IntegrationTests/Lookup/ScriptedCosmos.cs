using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Ingest.Lookup;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Azure.Cosmos;
using Microsoft.Extensions.DependencyInjection;

namespace Ingest.IntegrationTests.Lookup;

/// <summary>
/// An HTTPS endpoint on loopback that answers the real Cosmos DB SDK by script: the account and the container as they are, documents as the
/// test says.
/// </summary>
internal sealed class ScriptedCosmos : IAsyncDisposable
{
    public const string DatabaseName = "devices";
    public const string ContainerName = "Container";

    private const string ContainerResourceId = "d9RzAJRFKgw=";

    private readonly WebApplication _server;
    private readonly X509Certificate2 _certificate;
    private readonly ConcurrentQueue<string> _documentsAsked = [];

    private ScriptedCosmos(WebApplication server, X509Certificate2 certificate)
    {
        _server = server;
        _certificate = certificate;
    }

    /// <summary>Answers the read of a document.</summary>
    public RequestDelegate Document { get; set; } = context => AnswerAsync(context, StatusCodes.Status404NotFound);

    /// <summary>Answers the read of the account, which is the first thing a client asks; null for the account.</summary>
    public RequestDelegate? Account { get; set; }

    /// <summary>The paths of the documents that were asked for, as they came over the wire.</summary>
    public IReadOnlyCollection<string> DocumentsAsked => _documentsAsked;

    public Uri Endpoint =>
        new(_server.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Single());

    public static async Task<ScriptedCosmos> StartAsync()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        var now = TimeProvider.System.GetUtcNow();
        var certificate = request.CreateSelfSigned(now.AddMinutes(-5), now.AddHours(1));
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        var server = builder.Build();
        var cosmos = new ScriptedCosmos(server, certificate);
        server.Run(cosmos.RouteAsync);
        await server.StartAsync();
        return cosmos;
    }

    /// <summary>A client with the options that the application uses, trusting this endpoint's certificate alone.</summary>
    public CosmosClient Connect()
    {
        var options = new CosmosClientOptions();
        LookupClientOptions.Apply(options);
        options.ServerCertificateCustomValidationCallback = (certificate, _, _) =>
            certificate.GetCertHashString() == _certificate.GetCertHashString();
        return new CosmosClient(Endpoint.ToString(), Convert.ToBase64String(new byte[64]), options);
    }

    public static async Task AnswerAsync(
        HttpContext context, int status, string body = """{"code":"Scripted","message":"Scripted"}""", int subStatus = 0)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        context.Response.Headers["x-ms-activity-id"] = Guid.NewGuid().ToString();
        context.Response.Headers["x-ms-substatus"] = subStatus.ToString(CultureInfo.InvariantCulture);
        context.Response.Headers["x-ms-request-charge"] = "1";
        await context.Response.WriteAsync(body);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _certificate.Dispose();
    }

    private async Task RouteAsync(HttpContext context)
    {
        var path = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        const string container = $"/dbs/{DatabaseName}/colls/{ContainerName}";
        if (path.StartsWith(container + "/docs", StringComparison.Ordinal))
        {
            _documentsAsked.Enqueue(path[(container + "/docs").Length..]);
            await Document(context);
        }
        else if (path == container)
        {
            await AnswerAsync(context, StatusCodes.Status200OK, $$"""{"id":"{{ContainerName}}","_rid":"{{ContainerResourceId}}","partitionKey":{"paths":["/id"],"kind":"Hash","version":2} }""");
        }
        else if (path.EndsWith("/pkranges", StringComparison.Ordinal))
        {
            await AnswerPartitionsAsync(context);
        }
        else if (path == "/")
        {
            await (Account ?? AnswerAccountAsync)(context);
        }
        else
        {
            await AnswerAsync(context, StatusCodes.Status404NotFound);
        }
    }

    // A change feed: the one range, and from then on nothing new.
    private static async Task AnswerPartitionsAsync(HttpContext context)
    {
        context.Response.Headers.ETag = "\"1\"";
        if (context.Request.Headers.IfNoneMatch.Count > 0)
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        await AnswerAsync(
            context,
            StatusCodes.Status200OK,
            $$"""{"_rid":"{{ContainerResourceId}}","_count":1,"PartitionKeyRanges":[{"id":"0","_rid":"d9RzAJRFKgwCAAAAAAAAUA==","minInclusive":"","maxExclusive":"FF","status":"online","parents":[]}]}""");
    }

    private Task AnswerAccountAsync(HttpContext context) => AnswerAsync(context, StatusCodes.Status200OK, $$"""
        {
          "id": "scripted",
          "_rid": "scripted",
          "writableLocations": [{ "name": "here", "databaseAccountEndpoint": "{{Endpoint}}" }],
          "readableLocations": [{ "name": "here", "databaseAccountEndpoint": "{{Endpoint}}" }],
          "enableMultipleWriteLocations": false,
          "userReplicationPolicy": { "minReplicaSetSize": 3, "maxReplicasetSize": 4 },
          "userConsistencyPolicy": { "defaultConsistencyLevel": "Session" },
          "systemReplicationPolicy": { "minReplicaSetSize": 3, "maxReplicasetSize": 4 },
          "readPolicy": { "primaryReadCoefficient": 1, "secondaryReadCoefficient": 1 },
          "queryEngineConfiguration": "{}"
        }
        """);
}
