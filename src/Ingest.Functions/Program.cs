using Azure.Core;
using Azure.Identity;
using Ingest.Functions;
using Ingest.Functions.Hosting;
using Ingest.Lookup;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Hosting;

var builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
FunctionLogs.AddLevels(builder.Configuration);

// A managed identity in Azure (AZURE_CLIENT_ID names it where there are several), whoever is logged in on a developer's machine.
TokenCredential credential = new DefaultAzureCredential();
builder.Services
    .AddIngestPipeline(builder.Configuration, async cancellationToken => (await credential.GetTokenAsync(PostgresLogin.Scope, cancellationToken)).Token)
    .AddFunctionSettings(builder.Configuration);
builder.ConfigureCosmosDBExtensionOptions(options => LookupClientOptions.Apply(options.ClientOptions));
FunctionTelemetry.Add(builder, credential);

try
{
    await builder.Build().RunAsync();
    return 0;
}
catch (Exception exception) when (StartFailure.Describe(exception) is { } description)
{
    await Console.Error.WriteLineAsync(description);
    return StartFailure.ExitCode;
}
