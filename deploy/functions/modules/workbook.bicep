// One page to look at: rate, lag, counts, dead letters by reason, outages.

@description('What the page is called.')
param title string

@description('Azure region.')
param location string

@description('Tags of everything.')
param tags { *: string }

@description('Resource id of the workspace.')
param workspaceId string

resource page 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspaceId, title)
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: title
    category: 'workbook'
    sourceId: workspaceId
    serializedData: loadTextContent('workbook.json')
  }
}
