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
  cosmos: string
  postgres: string
}

@description('Six characters that differ between resource groups: some names are global.')
func suffix(resourceGroupId string) string => take(uniqueString(resourceGroupId), 6)

@export()
@description('Names for an installation called name in a resource group.')
func namesOf(name string, resourceGroupId string) resourceNames => {
  network: '${name}-network'
  natGateway: '${name}-nat'
  iotHub: '${name}-hub-${suffix(resourceGroupId)}'
  stateStorage: '${name}state${suffix(resourceGroupId)}'
  contentStorage: '${name}content${suffix(resourceGroupId)}'
  jobsStorage: '${name}jobs${suffix(resourceGroupId)}'
  keyVault: '${name}-kv-${suffix(resourceGroupId)}'
  workspace: '${name}-logs'
  insights: '${name}-insights'
  plan: '${name}-plan'
  functionApp: '${name}-functions-${suffix(resourceGroupId)}'
  appIdentity: '${name}-app-${suffix(resourceGroupId)}'
  jobsIdentity: '${name}-jobs-${suffix(resourceGroupId)}'
  cosmos: '${name}-cosmos-${suffix(resourceGroupId)}'
  postgres: '${name}-pg-${suffix(resourceGroupId)}'
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
