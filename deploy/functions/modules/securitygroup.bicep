// A security group that allows what it is given and denies everything else, both ways.

@description('Name of the network security group.')
param name string

@description('Azure region.')
param location string

@description('Tags of everything.')
param tags { *: string }

@description('What may pass, TCP only. from and to are address ranges or service tags.')
param allowances {
  name: string
  direction: 'Inbound' | 'Outbound'
  from: string
  to: string
  ports: string[]
}[]

var allowed = [
  for (allowance, i) in allowances: {
    name: 'allow-${allowance.name}'
    properties: {
      priority: 100 + i * 10
      direction: allowance.direction
      access: 'Allow'
      protocol: 'Tcp'
      sourceAddressPrefix: allowance.from
      sourcePortRange: '*'
      destinationAddressPrefix: allowance.to
      destinationPortRanges: allowance.ports
    }
  }
]

var denied = [
  for direction in ['Inbound', 'Outbound']: {
    name: 'deny-${toLower(direction)}'
    properties: {
      priority: 4096
      direction: direction
      access: 'Deny'
      protocol: '*'
      sourceAddressPrefix: '*'
      sourcePortRange: '*'
      destinationAddressPrefix: '*'
      destinationPortRange: '*'
    }
  }
]

resource group 'Microsoft.Network/networkSecurityGroups@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    securityRules: concat(allowed, denied)
  }
}

output id string = group.id
