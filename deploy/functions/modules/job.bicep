// One script, run once in a container inside the jobs' subnet, under the jobs' identity.

// The Azure CLI's image, on Azure Linux 3, and what a job that speaks to the database needs besides: psql, and tar for the
// scripts. Each is one release and no other, which tdnf takes only with Microsoft's signature.
var cliVersion = '2.75.0'

@export()
@description('Packages of a job that speaks to the database.')
var databasePackages = 'postgresql-libs-16.12-1.azl3 tar-1.35-2.azl3'

@description('Name of the deployment script, at most 24 characters.')
@maxLength(24)
param name string

@description('Azure region.')
param location string

@description('Tags of everything.')
param tags { *: string }

@description('The script, for bash in the Azure CLI\'s container.')
param script string

@description('What the script reads from its environment. Nothing secret: it signs in with the identity.')
param environmentVariables { name: string, value: string }[]

@description('Resource id of the jobs\' identity.')
param identityId string

@description('Name of the jobs\' storage account.')
param storageName string

@description('Resource id of the jobs\' subnet.')
param subnetId string

@description('Changes with every run: the same value twice would not run the script again.')
param runId string

resource job 'Microsoft.Resources/deploymentScripts@2023-08-01' = {
  name: name
  location: location
  tags: tags
  kind: 'AzureCLI'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    azCliVersion: cliVersion
    cleanupPreference: 'OnSuccess'
    containerSettings: {
      containerGroupName: name
      subnetIds: [
        {
          id: subnetId
        }
      ]
    }
    environmentVariables: environmentVariables
    forceUpdateTag: runId
    retentionInterval: 'P1D'
    scriptContent: script
    storageAccountSettings: {
      storageAccountName: storageName
    }
    timeout: 'PT30M'
  }
}

output result { *: string } = job.properties.?outputs ?? {}
