package hookform

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// A claudeMember is some members of Claude Code's settings that take values of one type.
type claudeMember struct {
	takes string // the first bytes of values: t is true and false, 0 a number, n null
	wants string
	names string // between blanks; one inside another behind its name and a dot
}

// claudeMembers are those members of Claude Code's settings of which a value of another
// type was seen to make Claude Code 2.1.330 leave out the whole file, "so nothing in them
// is in effect, including hooks". Each of them was tried on the program with values of all
// types. Members of which it leaves out no more than the value itself, as of "hooks", are
// not among them; nor are texts and numbers that it does not take: which it takes, the next
// version may say otherwise.
var claudeMembers = [...]claudeMember{
	{`"`, "a text", " $schema apiKeyHelper proxyAuthHelper awsCredentialExport awsAuthRefresh gcpAuthRefresh processWrapper attributionProject model prUrlTemplate" +
		" otelHeadersHelper outputStyle language advisorModel agent minimumVersion requiredMinimumVersion requiredMaximumVersion plansDirectory timeZone timeFormat" +
		" autoMemoryDirectory claudeMd pluginTrustMessage workflowSizeGuideline defaultShell parentSettingsBehavior managedSourcesBehavior autoUpdatesChannel tui" +
		" totalTokensReminder daemonColdStart permissions.defaultMode "},
	{`"n`, "a text", " feedbackDrafts disableAutoMode "},
	{`t`, "true or false", " disableAllHooks respectGitignore wslInheritsWindowsSettings includeCoAuthoredBy includeGitInstructions disableReplyCheck" +
		" workflowKeywordTriggerEnabled bashEditDiffEnabled respondToBashCommands allowAllClaudeAiMcps allowClaudeInChromeWithManagedMcp" +
		" allowNestedModelAccessUnderForceLogin forceRemoteSettingsRefresh spinnerTipsEnabled clawdFileProgressEnabled syntaxHighlightingDisabled" +
		" terminalTitleFromRename alwaysThinkingEnabled fastMode promptSuggestionEnabled emojiCompletionEnabled awaySummaryEnabled" +
		" showClearContextOnPlanAccept prefersReducedMotion doneMeansMerged totalTokensReminderAfterUserTurn autoMemoryEnabled autoDreamEnabled" +
		" showThinkingSummaries verbose autoCompactEnabled precomputeCompactionEnabled idleCompaction switchModelsOnFlag autoScrollEnabled" +
		" wheelScrollAccelerationEnabled fileCheckpointingEnabled showTurnDuration showMessageTimestamps terminalProgressBarEnabled todoFeatureEnabled" +
		" inputNeededNotifEnabled agentPushNotifEnabled "},
	{`tn`, "true or false", " syncClaudeAiSkills syncClaudeAiPlugins enforceAvailableModels enableAllProjectMcpServers disableClaudeAiConnectors disableBundledSkills" +
		" disableAgentView disableRemoteControl disableWorkflows disableArtifact enableArtifact enableWorkflows disableSkillShellExecution" +
		" disableWindowsBashCommandSplit allowManagedHooksOnly allowManagedPermissionRulesOnly allowManagedMcpServersOnly disableCommandPluginSources" +
		" disableSideloadFlags skipWebFetchPreflight fastModePerSessionOptIn responseComparisonEnabled channelsEnabled" +
		" skipDangerousModePermissionPrompt skipWorkflowUsageWarning autoContinueAtUsageLimit remoteControlAtStartup isolatePeerMachines" +
		" autoUploadSessions disableDirectMcpSkills "},
	{`t{`, "true, false or an object", " attribution "},
	{`0`, "a number", " cleanupPeriodDays desktopSessionCleanupPeriodDays skillListingMaxDescChars skillListingBudgetFraction feedbackSurveyRate totalTokensReminderBudget "},
	{`{`, "an object", " fileSuggestion breakReminder quietHours env permissions modelOverrides skillOverrides worktree statusLine enabledPlugins sandbox" +
		" spinnerVerbs pluginConfigs remote voice remoteTools "},
	{`[`, "a list", " permissions.allow permissions.deny permissions.ask fallbackModel availableModels allowedHttpHookUrls httpHookAllowedEnvVars pluginSuggestionMarketplaces companyAnnouncements allowedChannelPlugins" +
		" sshConfigs claudeMdExcludes "},
	{`[n`, "a list", " strictKnownMarketplaces blockedMarketplaces "},
	{`["`, "a list", " enabledMcpjsonServers disabledMcpjsonServers "},
	{`"[`, "a text or a list", " forceLoginOrgUUID "},
}

// ClaudeMisfit returns which member of Claude Code's settings is of another type than the
// program wants, for which it leaves out the whole file, and what it wants there: the member
// of that name, whose value is JSON, or one inside. Both are "" where there is none, or
// none of which that is known. The managed settings are read all the same, whatever is wrong.
func ClaudeMisfit(name string, value []byte) (member, wants string) {
	if len(value) == 0 || strings.ContainsRune(name, ' ') {
		return "", ""
	}
	for i := range claudeMembers {
		m := &claudeMembers[i]
		if strings.Contains(m.names, " "+name+" ") && strings.IndexByte(m.takes, kindOf(value[0])) < 0 {
			return name, m.wants
		}
	}
	var inside map[string]json.RawMessage
	if !holdsOthers(name) || json.Unmarshal(value, &inside) != nil {
		return "", ""
	}
	for _, inner := range slices.Sorted(maps.Keys(inside)) {
		if member, wants := ClaudeMisfit(name+"."+inner, inside[inner]); member != "" {
			return member, wants
		}
	}
	return "", ""
}

// holdsOthers reports whether there are members inside one of that name in the table.
func holdsOthers(name string) bool {
	return slices.ContainsFunc(claudeMembers[:], func(m claudeMember) bool { return strings.Contains(m.names, " "+name+".") })
}

// kindOf returns what stands in the table for values that begin with a byte.
func kindOf(first byte) byte {
	switch {
	case first == 'f':
		return 't'
	case first == '-' || '0' <= first && first <= '9':
		return '0'
	}
	return first
}
