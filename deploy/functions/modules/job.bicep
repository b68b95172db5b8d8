// One script, run once in a container inside the jobs' subnet, under the jobs' identity.

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
    // An image on Azure Linux 3, whose package mirror has psql 16.
    azCliVersion: '2.75.0'
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
