// The one place that names resources: main.bicep makes them, jobs.bicep finds them again.

@export()
@description('Names of the resources of one installation.')
type resourceNames = {
  network: string
  natGateway: string
  iotHub: string
  stateStorage: string
  contentStorage: string
  jobsStorage: string
  keyVault: string
  workspace: string
  insights: string
  plan: string
  functionApp: string
  appIdentity: string
  jobsIdentity: string
  consoleIdentity: string
  cosmos: string
  postgres: string
}

@description('Six characters that differ between resource groups: some names are global.')
func suffix(resourceGroupId string) string => take(uniqueString(resourceGroupId), 6)

@description('What every service takes: lowercase letters and digits.')
func plain(name string) string => toLower(replace(replace(name, '-', ''), '_', ''))

@export()
@description('Names for an installation called name in a resource group.')
func namesOf(name string, resourceGroupId string) resourceNames => {
  network: '${plain(name)}-network'
  natGateway: '${plain(name)}-nat'
  iotHub: '${plain(name)}-hub-${suffix(resourceGroupId)}'
  stateStorage: '${plain(name)}state${suffix(resourceGroupId)}'
  contentStorage: '${plain(name)}content${suffix(resourceGroupId)}'
  jobsStorage: '${plain(name)}jobs${suffix(resourceGroupId)}'
  keyVault: 'kv-${plain(name)}-${suffix(resourceGroupId)}'
  workspace: '${plain(name)}-logs'
  insights: '${plain(name)}-insights'
  plan: '${plain(name)}-plan'
  functionApp: '${plain(name)}-functions-${suffix(resourceGroupId)}'
  appIdentity: '${plain(name)}-app-${suffix(resourceGroupId)}'
  jobsIdentity: '${plain(name)}-jobs-${suffix(resourceGroupId)}'
  consoleIdentity: '${plain(name)}-console-${suffix(resourceGroupId)}'
  cosmos: '${plain(name)}-cosmos-${suffix(resourceGroupId)}'
  postgres: '${plain(name)}-pg-${suffix(resourceGroupId)}'
}

@export()
@description('The database inside the PostgreSQL server.')
var databaseName = 'ingest'

@export()
@description('The lookup\'s database and container in Cosmos DB.')
var cosmosDatabaseName = 'devices'

@export()
var cosmosContainerName = 'Container'

@export()
@description('Consumer groups of the hub\'s built-in endpoint: the function app reads the first, a replay the second.')
var liveConsumerGroup = 'live'

@export()
var replayConsumerGroup = 'replay'

@export()
@description('The share that the app runs from.')
var contentShareName = 'content'
