package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.foreign/records"
)

// administering: what an administrator asks for.
func administering() []testCase {
	with := func(
		name string, seconds int, run func(context.Context, []string, *kadm.Client) (string, error),
	) testCase {
		return testCase{name, time.Duration(seconds) * time.Second,
			func(ctx context.Context, bootstrap []string) (string, error) {
				made, err := admin(bootstrap)
				if err != nil {
					return "", err
				}
				defer made.Close()
				return run(ctx, bootstrap, made)
			}}
	}
	return []testCase{
		with("admin-topics", 40, changeTopics),
		with("admin-cluster", 20, describeCluster),
		with("admin-config", 20, describeConfig),
		with("admin-records", 40, deleteRecords),
		with("admin-groups", 40, manageGroups),
	}
}

func changeTopics(ctx context.Context, bootstrap []string, made *kadm.Client) (string, error) {
	name, err := create(ctx, bootstrap, "admin", 2, nil)
	if err != nil {
		return "", err
	}
	if _, err := made.CreateTopic(ctx, 2, -1, nil, name); !errors.Is(err, kerr.TopicAlreadyExists) {
		return "", fmt.Errorf("created twice: %v", err)
	}
	more, err := made.UpdatePartitions(ctx, 5, name)
	if err := errors.Join(err, more.Error()); err != nil {
		return "", err
	}
	if err := untilThere(ctx, made, name, 5); err != nil {
		return "", err
	}
	fewer, err := made.UpdatePartitions(ctx, 3, name)
	if err != nil || !errors.Is(fewer.Error(), kerr.InvalidPartitions) {
		return "", fmt.Errorf("fewer partitions: %v %v", err, fewer.Error())
	}
	sender, err := records.Producer(bootstrap)
	if err != nil {
		return "", err
	}
	defer sender.Close()
	places, err := records.Produce(ctx, sender, name, 5, 0, 500)
	if err != nil {
		return "", err
	}
	found, err := records.ReadAll(ctx, bootstrap, name, 5, kgo.ReadUncommitted())
	if err != nil {
		return "", err
	}
	if err := records.Check(name, places, found); err != nil {
		return "", err
	}
	if _, err := made.DeleteTopic(ctx, name); err != nil {
		return "", err
	}
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		listed, err := made.ListTopics(ctx)
		if err != nil {
			return "", err
		}
		if !listed.Has(name) {
			return "created, not twice, from 2 to 5 partitions, not back, written to, deleted", nil
		}
		if time.Now().After(until) {
			return "", errors.New("it is still there")
		}
	}
}

func describeCluster(ctx context.Context, bootstrap []string, made *kadm.Client) (string, error) {
	answer, err := made.BrokerMetadata(ctx)
	if err != nil {
		return "", err
	}
	var addresses []string
	for _, broker := range answer.Brokers {
		addresses = append(addresses, fmt.Sprintf("%s:%d", broker.Host, broker.Port))
	}
	slices.Sort(addresses)
	if !slices.Contains(answer.Brokers.NodeIDs(), answer.Controller) {
		return "", fmt.Errorf("the controller is %d", answer.Controller)
	}
	expected := strings.Join(slices.Sorted(slices.Values(bootstrap)), ",")
	return fmt.Sprintf("%d node(s)", len(addresses)), equal("addresses", strings.Join(addresses, ","), expected)
}

func describeConfig(ctx context.Context, bootstrap []string, made *kadm.Client) (string, error) {
	const setting = "message.timestamp.type"
	name, err := create(ctx, bootstrap, "config", 1, map[string]*string{setting: kadm.StringPtr("LogAppendTime")})
	if err != nil {
		return "", err
	}
	described, err := made.DescribeTopicConfigs(ctx, name)
	if err != nil {
		return "", err
	}
	resource, err := described.On(name, nil)
	if err := errors.Join(err, resource.Err); err != nil {
		return "", err
	}
	for _, one := range resource.Configs {
		if one.Key != setting {
			continue
		}
		if err := fill(ctx, bootstrap, name, 1, 1); err != nil {
			return "", err
		}
		found, err := records.ReadAll(ctx, bootstrap, name, 1, kgo.ReadUncommitted())
		if err == nil && found[0][0].Timestamp.UnixMilli() == records.BaseTime {
			err = errors.New("the record has the time of its producer")
		}
		said := fmt.Sprintf("%d settings of a topic", len(resource.Configs))
		return said, errors.Join(err, equal(setting, one.MaybeValue(), "LogAppendTime"))
	}
	return "", fmt.Errorf("there is no %s", setting)
}

func deleteRecords(ctx context.Context, bootstrap []string, made *kadm.Client) (string, error) {
	name, err := create(ctx, bootstrap, "records", 1, nil)
	if err != nil {
		return "", err
	}
	if err := fill(ctx, bootstrap, name, 1, 100); err != nil {
		return "", err
	}
	for _, end := range []int64{40, 100} {
		var offsets kadm.Offsets
		offsets.AddOffset(name, 0, end, -1)
		deleted, err := made.DeleteRecords(ctx, offsets)
		if err := errors.Join(err, deleted.Error()); err != nil {
			return "", err
		}
		answer, _ := deleted.Lookup(name, 0)
		starts, err := made.ListStartOffsets(ctx, name)
		if err != nil {
			return "", err
		}
		found, err := records.ReadAll(ctx, bootstrap, name, 1, kgo.ReadUncommitted())
		if err != nil {
			return "", err
		}
		err = errors.Join(
			equal("low watermark", answer.LowWatermark, end),
			equal("earliest", starts[name][0].Offset, end),
			equal("records left", len(found[0]), int(100-end)),
		)
		if err != nil {
			return "", err
		}
	}
	return "up to an offset, and all", nil
}

func manageGroups(ctx context.Context, bootstrap []string, made *kadm.Client) (string, error) {
	name, err := create(ctx, bootstrap, "groups", 2, nil)
	if err != nil {
		return "", err
	}
	group, told := unique("franz-go-admin"), newTally()
	if err := fill(ctx, bootstrap, name, 2, 20); err != nil {
		return "", err
	}
	member, err := join(bootstrap, told, "described", name, group, kgo.RangeBalancer())
	if err != nil {
		return "", err
	}
	defer member.dies()
	if err := told.until(ctx, "it reads", 20, func() bool { return len(told.read) == 20 }); err != nil {
		return "", err
	}
	listed, err := made.ListGroups(ctx)
	if err != nil {
		return "", err
	}
	described, err := made.DescribeGroups(ctx, group)
	if err != nil {
		return "", err
	}
	members := described[group].Members
	if _, is := listed[group]; !is || len(members) != 1 {
		return "", fmt.Errorf("listed %v, members %v", listed.Groups(), members)
	}
	assigned := described.AssignedPartitions()[name]
	if err := equal("assigned partitions", len(assigned), 2); err != nil {
		return "", err
	}
	if _, err := made.DeleteGroup(ctx, group); !errors.Is(err, kerr.NonEmptyGroup) {
		return "", fmt.Errorf("with a member: %v", err)
	}
	if err := member.leaves(); err != nil {
		return "", err
	}
	offsets, err := made.FetchOffsets(ctx, group)
	if err != nil {
		return "", err
	}
	found := []int64{offsets[name][0].At, offsets[name][1].At}
	if err := equal("offsets", found, []int64{10, 10}); err != nil {
		return "", err
	}
	if _, err := made.DeleteGroup(ctx, group); err != nil {
		return "", err
	}
	listed, err = made.ListGroups(ctx)
	if err != nil {
		return "", err
	}
	if _, is := listed[group]; is {
		return "", errors.New("it is still listed")
	}
	return "listed, described, its offsets, deleted when it was empty", nil
}
